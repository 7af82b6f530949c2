"""OpenAI's wire language (https://platform.openai.com/docs/api-reference): any compatible server's, and the demo's.

account    paths and credentials of a provider; demo: the same for the built-in model
chat       chat, legacy completions and embeddings: reading, refusals -> sending; usage, texts, meter; endings
responses  the Responses API, in a package with the same parts: reading, items -> sending; usage, texts, meter; endings
transcriptions, speech, images, moderations, rerank: one operation or two each; events: how such streams tell their
           usage, sound: how long a speech is
parts      what stands in a message beside text, in the words of either
"""
