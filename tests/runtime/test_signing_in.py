"""A broker that lets nobody in who does not sign in, over TLS: what services do on Kafka they do there, too."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion
from kafka.errors import KafkaError
from pydantic import SecretStr, ValidationError

from deploy.local.ports import HOST
from deploy.local.servers import Server, kafka_server
from deploy.local.table import ROOT, environment
from runtime.admin import create_topics
from runtime.consumers import Groups, followed
from runtime.settings import Settings
from schemas.topics import REVIEW, SUBMISSIONS
from tests.faults.fleet import audited, fleet, sending
from tests.support import eventually, sequences

ACCOUNT, PASSWORD = "services", "known-to-services-alone"


def certificate() -> tuple[bytes, bytes]:
    """A key with a certificate for this machine that vouches for itself, in PEM; and the certificate alone."""
    key, name, at = ec.generate_private_key(ec.SECP256R1()), "broker", datetime.now(UTC)
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + made, made


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """Its listener for partners encrypts, and an account that signs in there may do everything."""
    keystore, authority = tmp_path / "keystore.pem", tmp_path / "ca.pem"
    for file, pem in zip((keystore, authority), certificate(), strict=True):
        file.write_bytes(pem)
    with kafka_server(tmp_path / "kafka") as server:
        with closing(KafkaAdminClient(bootstrap_servers=server.address)) as admin:
            admin.alter_user_scram_credentials([UserScramCredentialUpsertion(ACCOUNT, "SCRAM-SHA-512", PASSWORD)])
        properties = server.log_folder.parent / "server.properties"
        said = properties.read_text().replace("PARTNERS:SASL_PLAINTEXT", "PARTNERS:SASL_SSL")
        said = said.replace("super.users=User:ANONYMOUS", f"super.users=User:ANONYMOUS;User:{ACCOUNT}")
        its = "listener.name.partners.ssl.keystore"
        said += f"{its}.type=PEM\n{its}.location={keystore}\n"
        properties.write_text(said)
        server.restart()
        yield server


@pytest.fixture
def settings(broker: Server, mongo: str, tmp_path: Path) -> Settings:
    return Settings(
        kafka_bootstrap=broker.partners,
        kafka_protocol="SASL_SSL",
        kafka_username=ACCOUNT,
        kafka_password=SecretStr(PASSWORD),
        kafka_ca=(tmp_path / "ca.pem").read_text(),
        mongo_url=mongo,
        topic_prefix="signed.",
        database_prefix="test_signed_",
        lease_s=2,
        session_timeout_s=6,
    )


async def test_intake_review_and_audit_work_where_all_must_sign_in(settings: Settings, tmp_path: Path) -> None:
    await asyncio.to_thread(create_topics, settings, partitions=3)
    async with fleet(settings, tmp_path) as services:
        async with sending(services.settings, seed=71) as sender:

            async def opened(least: int = 100) -> bool:
                return len(await asyncio.to_thread(sequences, settings, REVIEW)) >= least

            await eventually(opened, 60)
            with closing(Groups(settings, followed())) as groups:
                (review,) = (group for group in groups.read() if group.name == "review")
            assert {part.topic for part in review.parts} >= {SUBMISSIONS}
        # While the services are up, since a relay may be behind what was taken in last.
        await eventually(lambda: opened(len(sender.accepted)), 60)
        verdict = await audited(settings)
    assert verdict.equal and verdict.streams >= 200


def audit_replay(settings: Settings) -> subprocess.CompletedProcess[str]:
    """`shuangqian audit replay`, as somebody runs it who has these settings."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("libs", "services"))
    told = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LANG": "en_GB.UTF-8", **environment(settings)}
    command = [sys.executable, "-m", "shuangqian", "audit", "replay"]
    return subprocess.run(command, env=told, cwd=ROOT, capture_output=True, text=True, timeout=120)


async def test_whoever_does_not_sign_in_or_trusts_no_such_broker_stays_outside(settings: Settings) -> None:
    guessed = {"kafka_password": SecretStr("guessed")}
    wrong: list[dict[str, Any]] = [guessed, {"kafka_ca": None}, {"kafka_protocol": "PLAINTEXT"}]
    tries = [asyncio.to_thread(create_topics, settings.model_copy(update=each)) for each in wrong]
    *refused, said = await asyncio.gather(
        *tries, asyncio.to_thread(audit_replay, settings.model_copy(update=guessed)), return_exceptions=True
    )
    assert [isinstance(each, KafkaError) for each in refused] == [True, True, True]
    assert isinstance(said, subprocess.CompletedProcess)
    assert (said.returncode, said.stdout) == (2, "")
    assert "SHUANGQIAN_KAFKA_PROTOCOL, _USERNAME, _PASSWORD" in said.stderr and "guessed" not in said.stderr


def test_settings_without_a_name_or_password_to_sign_in_with_are_refused() -> None:
    with pytest.raises(ValidationError, match="needs kafka_username and kafka_password"):
        Settings(kafka_protocol="SASL_SSL", kafka_username=ACCOUNT)
