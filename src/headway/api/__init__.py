"""The HTTP service: thin routers over control."""
