"""Amazon Bedrock's Converse (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

account   paths and credentials of a provider
converse  Converse and ConverseStream: reading (blocks, extras) -> sending; events, usage, texts, meter; endings
"""
