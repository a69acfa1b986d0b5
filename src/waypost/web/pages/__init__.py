"""The pages: server-rendered HTML for people."""
