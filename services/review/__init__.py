"""The review service: checks what partners send, and brings it before people who decide."""
