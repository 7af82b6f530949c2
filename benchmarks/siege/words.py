"""What good and bad clients of a siege say."""

KEY = "bench-key-0123456789"
BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello there"}]}'
STREAM = BODY[:-1] + b',"stream":true}'
HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n".encode()
TYPE = b"Content-Type: application/json\r\n"
