"""Gemini's wire language (https://ai.google.dev/api): Google AI's, and Vertex's where it is the same.

account    paths and credential of a provider        endings    errors, a stream that is cut
content    generateContent and its stream, countTokens, the embeddings: each question's function
           spelling, parts -> reading -> sending; usage, texts; array -> meter
"""
