"""Command line programs: headway and skippy-train."""
