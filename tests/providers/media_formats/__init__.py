"""Sounds, pictures, moderations and rankings in OpenAI's wire language."""
