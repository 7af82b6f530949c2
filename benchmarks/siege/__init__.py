"""The gateway under siege: what good calls notice of clients that drip, and of clients that do not read."""
