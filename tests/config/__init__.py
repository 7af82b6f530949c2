"""What the configuration file may say, and how it is refused."""
