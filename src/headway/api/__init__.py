"""The HTTP face: thin routers over control."""
