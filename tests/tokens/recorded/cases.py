"""Prompts as providers counted them: figures of calls that public tests recorded, and nothing of their texts.

The one rule: a figure is what our own code made of the recorded request - the tokens of its texts by the vocabulary of
`encoding_for`, how many texts, the tokens around them, and what may stand there unseen - taken apart both by OpenAI's
formula and as JSON; beside it, the bytes of the body and the prompt tokens that the provider reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.model import Endpoint, Media, MediaKind

PYDANTIC = "pydantic/pydantic-ai tests/models/cassettes/"
TRACELOOP = "traceloop/openllmetry packages/opentelemetry-instrumentation-ollama/tests/cassettes/"
LLM = "simonw/llm-anthropic tests/cassettes/"
IMAGE = Media(MediaKind.IMAGE)  # named by a URL, of no known size


@dataclass(frozen=True, slots=True)
class Figures:
    """A prompt taken apart: tokens of its texts, how many texts, tokens around them, and those that may be unseen."""

    text_tokens: int
    texts: int
    overhead_tokens: int
    slack_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded call; `formula` is None where OpenAI's formula has nothing to say of the operation."""

    dialect: str
    endpoint: Endpoint
    model: str
    has_tools: bool
    body_bytes: int
    formula: Figures | None
    as_json: Figures
    reported_tokens: int
    media: tuple[Media, ...] = ()


RECORDED: Mapping[str, tuple[Case, ...]] = MappingProxyType(
    {
        PYDANTIC + "test_openai/test_openai_instructions_with_tool_calls_keep_instructions.yaml": (
            Case("openai", Endpoint.CHAT, "gpt-4.1-mini", True, 413, Figures(35, 5, 16), Figures(78, 16, 25), 50),
            Case("openai", Endpoint.CHAT, "gpt-4.1-mini", True, 674, Figures(45, 11, 32), Figures(135, 35, 53), 75),
        ),
        PYDANTIC + "test_openai/test_openai_native_output.yaml": (
            Case("openai", Endpoint.CHAT, "gpt-4o", True, 590, Figures(86, 4, 16), Figures(91, 35, 55), 79),
            Case("openai", Endpoint.CHAT, "gpt-4o", True, 836, Figures(91, 10, 32), Figures(147, 54, 83), 100),
        ),
        PYDANTIC + "test_openai/test_openai_tool_output.yaml": (
            Case("openai", Endpoint.CHAT, "gpt-4o", True, 598, Figures(53, 3, 16), Figures(117, 12, 19), 68),
            Case("openai", Endpoint.CHAT, "gpt-4o", True, 844, Figures(58, 9, 32), Figures(179, 31, 47), 89),
        ),
        PYDANTIC + "test_openai/test_multiple_agent_tool_calls.yaml": (
            Case("openai", Endpoint.CHAT, "gpt-4o-mini", True, 822, Figures(64, 13, 40), Figures(174, 39, 59), 104),
            Case("openai", Endpoint.CHAT, "gpt-4o-mini", True, 1086, Figures(73, 19, 56), Figures(238, 58, 87), 129),
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.5-flash", True, 438, None, Figures(69, 8, 16), 50),
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.5-flash", True, 1099, None, Figures(360, 33, 56), 82),
        ),
        PYDANTIC + "test_openai/test_openai_model_without_system_prompt.yaml": (
            Case("openai", Endpoint.CHAT, "o3-mini", False, 101, Figures(5, 2, 7), Figures(15, 9, 18), 11),
        ),
        PYDANTIC + "test_openai/test_defer_loading_tools_discovered.yaml": (
            Case("openai", Endpoint.CHAT, "gpt-4.1", True, 625, Figures(87, 3, 16), Figures(131, 12, 19), 100),
            Case("openai", Endpoint.CHAT, "gpt-4.1", True, 1327, Figures(141, 9, 32), Figures(289, 31, 47), 168),
            Case("openai", Endpoint.CHAT, "gpt-4.1", True, 1885, Figures(180, 20, 72), Figures(435, 65, 95), 257),
        ),
        PYDANTIC + "test_openai_responses/test_openai_responses_model_simple_response_with_tool_call.yaml": (
            Case("openai", Endpoint.RESPONSES, "gpt-4o", True, 338, Figures(31, 4, 20, 18), Figures(67, 13, 18), 256),
            Case("openai", Endpoint.RESPONSES, "gpt-4o", True, 600, Figures(44, 10, 40, 18), Figures(133, 31, 42), 287),
        ),
        PYDANTIC + "test_openai_responses/test_native_output.yaml": (
            Case("openai", Endpoint.RESPONSES, "gpt-4o", True, 575, Figures(83, 4, 16), Figures(93, 35, 55), 73),
            Case("openai", Endpoint.RESPONSES, "gpt-4o", True, 777, Figures(88, 8, 32), Figures(152, 49, 73), 92),
        ),
        PYDANTIC + "test_openai_responses/test_gpt5_pro.yaml": (
            Case("openai", Endpoint.RESPONSES, "gpt-5-pro", False, 147, Figures(7, 2, 7), Figures(24, 10, 19), 13),
        ),
        PYDANTIC + "test_openai_responses/test_openai_responses_model_instructions.yaml": (
            Case("openai", Endpoint.RESPONSES, "gpt-4o", False, 148, Figures(13, 3, 11, 18), Figures(25, 10, 17), 24),
        ),
        PYDANTIC + "test_openai_responses/test_gpt5_regex_output_type.yaml": (
            Case("openai", Endpoint.RESPONSES, "gpt-5", True, 364, Figures(59, 3, 16), Figures(74, 14, 23), 107),
        ),
        PYDANTIC + "test_openai/test_responses_count_tokens_with_tools.yaml": (
            Case("openai", Endpoint.RESPONSES, "gpt-4.1-mini", True, 334, Figures(36, 3, 16), Figures(69, 11, 16), 51),
        ),
        PYDANTIC + "test_openai_responses/test_openai_responses_compact_with_instructions.yaml": (
            Case(
                "openai", Endpoint.RESPONSES, "gpt-4o-mini", False, 139, Figures(8, 3, 11, 18), Figures(21, 10, 17), 19
            ),
            Case(
                "openai",
                Endpoint.RESPONSES_COMPACT,
                "gpt-4o-mini",
                False,
                188,
                Figures(16, 5, 15, 18),
                Figures(31, 13, 20),
                124,
            ),
        ),
        PYDANTIC + "test_openai_responses/test_openai_responses_image_url_input.yaml": (
            Case(
                "openai", Endpoint.RESPONSES, "gpt-4o", False, 250, Figures(1, 2, 7), Figures(16, 11, 21), 433, (IMAGE,)
            ),
        ),
        PYDANTIC + "test_openai/test_openai_model_cerebras_provider.yaml": (
            Case("openai", Endpoint.CHAT, "llama3.3-70b", False, 111, Figures(7, 2, 7), Figures(21, 8, 15), 42),
        ),
        PYDANTIC + "test_groq/test_groq_prompted_output.yaml": (
            Case(
                "openai",
                Endpoint.CHAT,
                "openai/gpt-oss-120b",
                False,
                553,
                Figures(82, 4, 11),
                Figures(106, 16, 28),
                183,
            ),
        ),
        PYDANTIC + "test_groq/test_groq_native_with_tools_falls_back_gpt_oss.yaml": (
            Case(
                "openai",
                Endpoint.CHAT,
                "openai/gpt-oss-120b",
                True,
                1042,
                Figures(132, 7, 24),
                Figures(207, 21, 34),
                245,
            ),
        ),
        PYDANTIC + "test_groq/test_groq_model_instructions.yaml": (
            Case(
                "openai",
                Endpoint.CHAT,
                "llama-3.3-70b-versatile",
                False,
                187,
                Figures(13, 4, 11),
                Figures(34, 13, 24),
                48,
            ),
        ),
        PYDANTIC + "test_groq/test_image_url_input.yaml": (
            Case(
                "openai",
                Endpoint.CHAT,
                "meta-llama/llama-4-scout-17b-16e-instruct",
                False,
                304,
                Figures(8, 2, 7),
                Figures(37, 12, 24),
                749,
                (IMAGE,),
            ),
        ),
        PYDANTIC + "test_mistral/test_mistral_forwards_penalties.yaml": (
            Case("openai", Endpoint.CHAT, "mistral-large-latest", False, 176, Figures(1, 2, 7), Figures(31, 15, 24), 4),
        ),
        PYDANTIC + "test_mistral/test_mistral_chat_with_prediction.yaml": (
            Case(
                "openai", Endpoint.CHAT, "mistral-small-latest", False, 246, Figures(22, 3, 7), Figures(46, 18, 32), 28
            ),
        ),
        PYDANTIC + "test_cohere/test_cohere_tool_choice_forwarding[auto].yaml": (
            Case(
                "openai", Endpoint.CHAT, "command-r7b-12-2024", True, 338, Figures(34, 3, 16), Figures(65, 10, 17), 1435
            ),
        ),
        PYDANTIC + "test_cohere/test_cohere_model_instructions.yaml": (
            Case(
                "openai", Endpoint.CHAT, "command-r7b-12-2024", False, 177, Figures(13, 4, 11), Figures(31, 12, 21), 542
            ),
        ),
        PYDANTIC + "test_deepseek/test_deepseek_deferred_capability_with_thinking.yaml": (
            Case(
                "openai", Endpoint.CHAT, "deepseek-reasoner", True, 1768, Figures(238, 7, 20), Figures(335, 20, 31), 563
            ),
            Case(
                "openai",
                Endpoint.CHAT,
                "deepseek-reasoner",
                True,
                3232,
                Figures(343, 20, 52),
                Figures(644, 63, 91),
                875,
            ),
        ),
        PYDANTIC + "test_anthropic/test_anthropic_tool_output.yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-4-5", True, 555, None, Figures(108, 17, 34), 711),
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-4-5", True, 817, None, Figures(171, 37, 67), 762),
        ),
        PYDANTIC + "test_anthropic/test_anthropic_model_instructions.yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-3-opus-latest", False, 206, None, Figures(33, 14, 30), 20),
        ),
        PYDANTIC + "test_anthropic/test_anthropic_prompted_output.yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-4-5", True, 740, None, Figures(143, 19, 36), 459),
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-4-5", True, 1002, None, Figures(206, 39, 69), 510),
        ),
        PYDANTIC + "test_anthropic/test_anthropic_opus_5_features.yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-opus-5", False, 247, None, Figures(37, 20, 38), 13),
        ),
        PYDANTIC + "test_anthropic/test_anthropic_opus_48_features.yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-opus-4-8", False, 249, None, Figures(39, 20, 38), 13),
        ),
        PYDANTIC + "test_anthropic/test_anthropic_opus_46_features[basic].yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-opus-4-6", False, 152, None, Figures(26, 12, 28), 14),
        ),
        PYDANTIC
        + "test_anthropic/test_anthropic_deferred_capability_without_tool_search_across_models[claude-sonnet-5].yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-5", True, 1057, None, Figures(194, 22, 42), 658),
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-5", True, 1730, None, Figures(328, 72, 126), 861),
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-5", True, 2088, None, Figures(407, 97, 167), 932),
        ),
        PYDANTIC + "test_anthropic/test_anthropic_mixed_strict_tool_run.yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-4-5", True, 649, None, Figures(124, 19, 36), 628),
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-4-5", True, 996, None, Figures(197, 43, 75), 691),
            Case("anthropic", Endpoint.MESSAGES, "claude-sonnet-4-5", True, 1272, None, Figures(263, 65, 110), 757),
        ),
        LLM + "test_anthropic/test_tools.yaml": (
            Case("anthropic", Endpoint.MESSAGES, "claude-3-5-haiku-latest", True, 289, None, Figures(56, 16, 32), 310),
            Case("anthropic", Endpoint.MESSAGES, "claude-3-5-haiku-latest", True, 846, None, Figures(194, 52, 86), 465),
        ),
        PYDANTIC + "test_gemini/test_gemini_additional_properties_is_true.yaml": (
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.5-flash", True, 561, None, Figures(111, 8, 16), 40),
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.5-flash", True, 1115, None, Figures(211, 30, 54), 164),
        ),
        PYDANTIC + "test_gemini/test_gemini_tool_output.yaml": (
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.0-flash", True, 611, None, Figures(118, 10, 18), 25),
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.0-flash", True, 859, None, Figures(149, 29, 52), 39),
        ),
        PYDANTIC + "test_gemini/test_gemini_native_output.yaml": (
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.0-flash", False, 350, None, Figures(38, 23, 38), 8),
        ),
        PYDANTIC + "test_gemini/test_gemini_model_instructions.yaml": (
            Case("gemini", Endpoint.GENERATE_CONTENT, "gemini-2.5-flash", False, 168, None, Figures(24, 12, 24), 15),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_model_structured_response.yaml": (
            Case(
                "bedrock", Endpoint.CONVERSE, "us.amazon.nova-micro-v1:0", True, 1011, None, Figures(199, 12, 24), 551
            ),
            Case(
                "bedrock", Endpoint.CONVERSE, "us.amazon.nova-micro-v1:0", True, 1683, None, Figures(348, 38, 68), 689
            ),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_model_with_instructions_only[claude-sonnet-4-5].yaml": (
            Case(
                "bedrock",
                Endpoint.CONVERSE,
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                False,
                135,
                None,
                Figures(16, 10, 22),
                13,
            ),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_model.yaml": (
            Case("bedrock", Endpoint.CONVERSE, "amazon.nova-micro-v1:0", False, 132, None, Figures(17, 10, 22), 7),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_native_structured_output_with_tools.yaml": (
            Case(
                "bedrock",
                Endpoint.CONVERSE,
                "us.anthropic.claude-sonnet-4-6",
                True,
                771,
                None,
                Figures(151, 20, 34),
                750,
            ),
            Case(
                "bedrock",
                Endpoint.CONVERSE,
                "us.anthropic.claude-sonnet-4-6",
                True,
                1080,
                None,
                Figures(215, 41, 76),
                822,
            ),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_llama_tool_result_followed_by_text_accepted.yaml": (
            Case(
                "bedrock",
                Endpoint.CONVERSE,
                "us.meta.llama4-maverick-17b-instruct-v1:0",
                True,
                632,
                None,
                Figures(96, 40, 76),
                186,
            ),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_native_output_mistral.yaml": (
            Case(
                "bedrock",
                Endpoint.CONVERSE,
                "mistral.mistral-large-3-675b-instruct",
                False,
                580,
                None,
                Figures(102, 20, 34),
                21,
            ),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_native_output_qwen.yaml": (
            Case("bedrock", Endpoint.CONVERSE, "qwen.qwen3-32b-v1:0", False, 580, None, Figures(102, 20, 34), 30),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_moonshotai_tool_call.yaml": (
            Case("bedrock", Endpoint.CONVERSE, "moonshot.kimi-k2-thinking", True, 503, None, Figures(95, 12, 24), 92),
            Case(
                "bedrock", Endpoint.CONVERSE, "moonshot.kimi-k2-thinking", True, 1115, None, Figures(196, 36, 66), 188
            ),
        ),
        PYDANTIC + "test_bedrock/test_bedrock_openai_gpt_5_6_drops_sampling_settings.yaml": (
            Case("bedrock", Endpoint.CONVERSE, "us.openai.gpt-5.6-sol", False, 152, None, Figures(24, 9, 23), 19),
        ),
        TRACELOOP + "test_chat/test_ollama_chat_tool_calls_with_events_with_content.yaml": (
            Case("ollama", Endpoint.OLLAMA_CHAT, "llama3.1", False, 345, None, Figures(42, 24, 41), 44),
        ),
        TRACELOOP + "test_chat/test_ollama_chat_with_events_with_no_content.yaml": (
            Case("ollama", Endpoint.OLLAMA_CHAT, "llama3", False, 166, None, Figures(20, 12, 21), 17),
        ),
        TRACELOOP + "test_generation/test_ollama_generation_with_events_with_no_content.yaml": (
            Case("ollama", Endpoint.OLLAMA_GENERATE, "llama3", False, 206, None, Figures(21, 15, 24), 17),
        ),
    }
)
"""Source (repository, path) -> the calls in it, in their order."""
