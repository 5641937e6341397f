"""Reports as pages: one HTML file each, with charts as plain SVG, that needs no network and no server."""
