"""Requests with all that the APIs' documents show: parts, tools, schemas, documents, sounds; to be mutated."""

from typing import Any

from gateway.model import Endpoint

_SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Rome"]}}, "required": ["city"]}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
_URL = f"data:image/png;base64,{_PNG}"

RICH: tuple[tuple[Endpoint, dict[str, Any]], ...] = (
    (
        Endpoint.CHAT,
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "name": "ada",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": _URL, "detail": "low"}},
                        {"type": "input_audio", "input_audio": {"data": _PNG, "format": "wav"}},
                        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "weather", "description": "Tell it", "parameters": _SCHEMA}}
            ],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": _SCHEMA, "strict": True}},
            "modalities": ["text"],
            "audio": {"voice": "alloy", "format": "mp3"},
            "prediction": {"type": "content", "content": "As before"},
            "stream_options": {"include_usage": True},
            "max_completion_tokens": 9,
            "n": 2,
            "logit_bias": {"50256": -100},
            "stop": ["\n"],
            "metadata": {"purpose": "QA"},
            "service_tier": "flex",
            "user": "22222222-2222-4222-8222-222222222222",
        },
    ),
    (
        Endpoint.RESPONSES,
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                {"role": "user", "content": [{"type": "input_image", "image_url": _URL, "detail": "high"}]},
                {"role": "user", "content": [{"type": "input_file", "filename": "a.pdf", "file_data": _PNG}]},
                {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
                {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "item_reference", "id": "i1"},
            ],
            "tools": [{"type": "function", "name": "weather", "parameters": _SCHEMA, "strict": True}],
            "text": {"format": {"type": "json_schema", "name": "s", "schema": _SCHEMA}, "verbosity": "low"},
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "max_output_tokens": 16,
            "store": False,
            "truncation": "disabled",
        },
    ),
    (
        Endpoint.MESSAGES,
        {
            "model": "m",
            "max_tokens": 16,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}},
                        {
                            "type": "document",
                            "title": "A",
                            "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                            "citations": {"enabled": True},
                        },
                        {
                            "type": "search_result",
                            "source": "s",
                            "title": "t",
                            "content": [{"type": "text", "text": "x"}],
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t1",
                            "is_error": False,
                            "content": [{"type": "text", "text": "sunny"}],
                        }
                    ],
                },
            ],
            "tools": [{"name": "weather", "description": "Tell it", "input_schema": _SCHEMA}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "stop_sequences": ["END"],
            "metadata": {"user_id": "u"},
            "service_tier": "auto",
        },
    ),
    (
        Endpoint.GENERATE_CONTENT,
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"text": "What is this?"},
                        {"inlineData": {"mimeType": "image/png", "data": _PNG}, "mediaResolution": {"level": "LOW"}},
                        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://f.example/v"}},
                    ],
                },
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "c2ln"}
                    ],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"sky": "blue"}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "weather", "parameters": _SCHEMA}]}, {"codeExecution": {}}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
            "generationConfig": {
                "maxOutputTokens": 16,
                "candidateCount": 1,
                "responseMimeType": "application/json",
                "responseSchema": _SCHEMA,
                "thinkingConfig": {"thinkingBudget": 128, "includeThoughts": True},
                "responseModalities": ["TEXT"],
            },
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "labels": {"purpose": "QA"},
        },
    ),
    (
        Endpoint.OLLAMA_CHAT,
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "What is this?", "images": [_PNG]},
                {
                    "role": "assistant",
                    "content": "",
                    "thinking": "hm",
                    "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Rome"}}}],
                },
                {"role": "tool", "tool_name": "weather", "content": "sunny"},
            ],
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": _SCHEMA}}],
            "format": _SCHEMA,
            "think": "low",
            "options": {"num_predict": 16, "num_ctx": 4096, "stop": ["END"]},
            "keep_alive": "5m",
        },
    ),
    (
        Endpoint.CONVERSE,
        {
            "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"text": "What is this?"},
                        {"image": {"format": "png", "source": {"bytes": _PNG}}},
                        {"document": {"format": "txt", "name": "a", "source": {"bytes": _PNG}}},
                        {"guardContent": {"text": {"text": "guarded", "qualifiers": ["query"]}}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"sky": "blue"}}]}}],
                },
            ],
            "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": _SCHEMA}}}]},
            "inferenceConfig": {"maxTokens": 16, "stopSequences": ["END"]},
            "additionalModelRequestFields": {"top_k": 5},
            "performanceConfig": {"latency": "standard"},
            "requestMetadata": {"purpose": "QA"},
        },
    ),
    (
        Endpoint.RERANK,
        {
            "model": "m",
            "query": "which?",
            "documents": ["one", {"text": "two"}],
            "top_n": 1,
            "return_documents": True,
            "max_tokens_per_doc": 64,
        },
    ),
    (Endpoint.EMBEDDINGS, {"model": "m", "input": [[1, 2, 3], [4]], "dimensions": 8, "encoding_format": "base64"}),
    (
        Endpoint.MODERATIONS,
        {
            "model": "m",
            "input": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": _URL}}],
        },
    ),
    (
        Endpoint.BATCH_EMBED_CONTENTS,
        {"requests": [{"model": "models/m", "content": {"parts": [{"text": "x"}]}, "outputDimensionality": 8}]},
    ),
)
