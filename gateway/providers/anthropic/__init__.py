"""Anthropic's wire language (https://platform.claude.com/docs/en/api/messages): Claude, and servers that speak alike.

account    paths and credentials of a provider
messages   messages and token counting: reading (refusals, tools, blocks) -> sending; usage, texts, meter; endings
"""
