"""RFC 3161 timestamps of checkpoints: the authority's word that a checkpoint was there at a time."""

import hashlib
import re
from collections.abc import Sequence

import httpx2
from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response

ANSWERS_WITHIN_S = 10.0


class NotStamped(Exception):
    """The authority gave no timestamp; the message says why."""


class NotVouched(Exception):
    """No root vouches for a timestamp; the message says why."""


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
    if response.status != 0:  # granted as asked: what was granted with modifications is not verified
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


def vouched(response: bytes, text: bytes, roots: Sequence[x509.Certificate]) -> str:
    """Who signed a timestamp of a text: the subject of the authority's certificate (RFC 4514). Raises NotVouched.

    The token's signature holds; the certificate is for time stamping alone, critically (RFC 3161, 2.3), was valid at
    the time the token says, and leads to one of these roots, by certificates that the token brings.
    """
    try:
        answer = decode_timestamp_response(response)
        VerifierBuilder(roots=list(roots)).build().verify_message(answer, text)
        (signer,) = answer.signed_data.signer_infos
        found = map(x509.load_der_x509_certificate, answer.signed_data.certificates)
        return next(
            each.subject.rfc4514_string()
            for each in found
            if (each.issuer, each.serial_number) == (signer.issuer, signer.serial_number)
        )
    except (VerificationError, ValueError) as error:
        # What OpenSSL says of a certificate stands deep in what the library says.
        why = re.search(r'Verify error: ([^"]+)', str(error)) or re.search(r'reason: "([^"]+)', str(error))
        raise NotVouched(why[1] if why else str(error)) from error
