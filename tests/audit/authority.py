"""A time-stamping authority (RFC 3161) of one's own: certificates made with cryptography, answers by openssl."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

CONFIG = """
[tsa]
default_tsa = own
[own]
dir = {folder}
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
{certs}
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = yes
ess_cert_id_chain = no
"""
TIME_STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)
TST_INFO = "1.2.840.113549.1.9.16.1.4"


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def issued(
    name: str,
    by: Issued | None = None,
    usage: Sequence[ObjectIdentifier] | None = None,
    *,
    critical: bool = True,
    begins: timedelta = -timedelta(days=10),
    ends: timedelta = timedelta(days=10),
) -> Issued:
    """A certificate for `usage`, or of an authority (None), signed by another or by itself; times from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=critical)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


class Authority:
    """Answers requests in the name of `signer`, with the certificates of `chain` in its answers."""

    def __init__(self, folder: Path, signer: Issued, chain: Sequence[Issued] = ()) -> None:
        self.folder, self.signer = folder, signer
        folder.mkdir()
        certs = f"certs = {folder}/chain.pem" if chain else ""
        (folder / "config").write_text(CONFIG.format(folder=folder, certs=certs))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.pem").write_bytes(signer.pem)
        (folder / "chain.pem").write_bytes(b"".join(each.pem for each in chain))
        key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(key)

    def answer(self, query: bytes) -> bytes:
        """The response (DER) to a request (DER)."""
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "config", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def over(self, text: bytes) -> bytes:
        """A response with a timestamp of a text."""
        (self.folder / "text").write_bytes(text)
        self._openssl("ts", "-query", "-data", "text", "-sha512", "-cert", "-out", "asked")
        return self.answer((self.folder / "asked").read_bytes())

    def signed_by(self, other: Issued, response: bytes) -> bytes:
        """What a response says, signed by another: openssl's `ts` does not sign with what is not made for it."""
        (self.folder / "reply").write_bytes(response)
        (self.folder / "other.pem").write_bytes(other.pem)
        key = other.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "other.key").write_bytes(key)
        self._openssl("ts", "-reply", "-in", "reply", "-token_out", "-out", "token")
        self._openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "said")
        self._openssl(
            *("cms", "-sign", "-binary", "-nodetach", "-econtent_type", TST_INFO, "-in", "said", "-outform", "DER"),
            *("-signer", "other.pem", "-inkey", "other.key", "-out", "token"),
        )
        granted = bytes.fromhex("3003020100")
        return _sequence(granted + (self.folder / "token").read_bytes())

    def _openssl(self, *argv: str) -> None:
        subprocess.run(["openssl", *argv], check=True, capture_output=True, cwd=self.folder)


def _sequence(content: bytes) -> bytes:
    length = len(content).to_bytes(2, "big")
    return b"\x30\x82" + length + content
