"""Ollama's own wire language (https://github.com/ollama/ollama/blob/main/docs/api.md).

account   paths and credentials of a provider
native    chat, generate and embed: reading, refusals -> sending; lines, usage, texts, meter; endings
"""
