"""HTTP client of the service and its reconnecting follower."""
