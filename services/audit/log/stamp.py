"""RFC 3161 timestamps of checkpoints: the authority's word that a checkpoint was there at a time."""

import hashlib

import httpx2
from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response

ANSWERS_WITHIN_S = 10.0


class NotStamped(Exception):
    """The authority gave no timestamp; the message says why."""


def stamp(url: str, text: bytes) -> bytes:
    """The authority's response (DER) over SHA-512 of a text. Raises NotStamped."""
    asked = TimestampRequestBuilder().data(text).nonce(nonce=True).cert_request(cert_request=True).build()
    try:
        answer = httpx2.post(
            url,
            content=asked.as_bytes(),
            headers={"Content-Type": "application/timestamp-query"},
            timeout=ANSWERS_WITHIN_S,
        )
        answer.raise_for_status()
        response = decode_timestamp_response(answer.content)
    except (httpx2.HTTPError, ValueError) as error:
        raise NotStamped(repr(error)) from error
    if response.status not in (0, 1):  # granted, granted with modifications
        raise NotStamped(f"status {response.status}: {response.status_string}")
    imprint = response.tst_info.message_imprint.message
    if imprint != asked.message_imprint.message or response.tst_info.nonce != asked.nonce:
        raise NotStamped("it is of something else than what was asked")
    return answer.content


def stamped_at(response: bytes, text: bytes) -> str | None:
    """The time that a response gives for a text; None where it is of another text. Says nothing about who signed."""
    try:
        info = decode_timestamp_response(response).tst_info
    except ValueError:
        return None
    return str(info.gen_time.isoformat()) if info.message_imprint.message == hashlib.sha512(text).digest() else None
