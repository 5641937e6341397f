"""The pages: server-rendered, live over one socket each. They know control only, as the API does."""
