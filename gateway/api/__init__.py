"""Endpoints that the gateway answers itself. They show what other rooms know; nothing here decides."""
