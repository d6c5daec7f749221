"""What a process is told by its environment: variables prefixed SHUANGQIAN_."""

import hashlib
import ssl
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: Where `make run` leaves what it tells its processes, for commands that are given beside it.
BESIDE = Path(".run/environment")


class Settings(BaseSettings):
    """Defaults are those of the local stack, so that `python -m review api` works beside `make run`."""

    model_config = SettingsConfigDict(env_prefix="SHUANGQIAN_", extra="ignore")

    kafka_bootstrap: str = "127.0.0.1:19092"
    # How a process comes into Kafka (docs/how-to/sign-in-to-kafka.md). Where the protocol begins with SASL it signs in;
    # where it ends with SSL, brokers' certificates are checked: against these authorities (PEM), or the system's.
    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca: str | None = None
    # Kafka's listener for partners, as they reach it; in production its protocol is SASL_SSL.
    kafka_partners_bootstrap: str = "127.0.0.1:19094"
    kafka_partners_protocol: Literal["SASL_PLAINTEXT", "SASL_SSL"] = "SASL_PLAINTEXT"
    mongo_url: str = "mongodb://127.0.0.1:27117/?replicaSet=rs0"
    database_prefix: str = "shuangqian_"
    # Put before the names of topics and consumer groups, where several installations share one Kafka.
    topic_prefix: str = ""

    host: str = "127.0.0.1"
    api_port: int = 8000
    ops_port: int = 8100

    session_secret: str = "for-tests-and-single-processes-only"
    oidc_issuer: str = "http://localhost:8010"
    oidc_client_id: str = "shuangqian"
    oidc_client_secret: str = "local"
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 8025
    # STARTTLS and TLS (from the first byte) send nothing unencrypted, and check the server's certificate as Kafka's is;
    # only there it is said who comes.
    smtp_protocol: Literal["PLAIN", "STARTTLS", "TLS"] = "PLAIN"
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_ca: str | None = None
    mail_from: str = "shuangqian@localhost"
    # Webhooks go to public https addresses only, except where this says otherwise (the local stack, tests).
    webhooks_to_private_addresses: bool = False
    # Sources are fetched from public https addresses only, and no oftener, except where these say otherwise.
    sources_to_private_addresses: bool = False
    sources_every_minutes: int = 5
    node_modules: Path = Path("node_modules")

    publishing_url: str = "http://localhost:8000"
    submissions_url: str = "http://localhost:8001"
    review_url: str = "http://localhost:8002"
    notifications_url: str = "http://localhost:8003"
    audit_url: str = "http://localhost:8004"

    # Where spans go, by OTLP over HTTP; none are made where this is not set.
    otlp_endpoint: str | None = None
    # Seconds after which a consumer that is silent loses its partitions to the others.
    session_timeout_s: int = 20
    # Seconds a lease (the relay's, the sender's) outlives its holder's last renewal.
    lease_s: float = 10.0

    # The transparency log: where its tiles lie (the audit's api serves what its worker writes), its private key in the
    # form of a signed note (made in that folder where none is given), the public keys it had before, parted by commas
    # (docs/how-to/rotate-the-logs-key.md), and the seconds between two checkpoints.
    log_folder: Path = Path(".run/log")
    log_key: SecretStr | None = None
    log_former_keys: str = ""
    log_checkpoint_s: float = 10.0
    # Witnesses as `key url, key url`, keys in the form of a signed note; whence RFC 3161 timestamps come, if at all.
    log_witnesses: str = ""
    log_timestamps_url: str | None = None

    # What a partner may send, in each mode, counted by each api process on its own.
    requests_per_second: int = 50
    entries_per_second: int = 1_000
    entries_per_day: int = 5_000_000

    @classmethod
    def load(cls) -> Self:
        """What this process is told by its environment, and what it is not told there by the stack of this folder: so
        a command finds the stack that was started here, whatever its ports."""
        return cls(_env_file=BESIDE)

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        if self.kafka_signs_in and not (self.kafka_username and self.kafka_password):
            raise ValueError(f"kafka_protocol {self.kafka_protocol} needs kafka_username and kafka_password")
        if bool(self.smtp_username) != bool(self.smtp_password):
            raise ValueError("smtp_username and smtp_password need each other")
        if self.smtp_username and self.smtp_protocol == "PLAIN":
            raise ValueError("smtp_password is not sent unencrypted: smtp_protocol must be STARTTLS or TLS")
        return self

    @property
    def kafka_signs_in(self) -> bool:
        return self.kafka_protocol.startswith("SASL_")

    @property
    def kafka_tls(self) -> ssl.SSLContext | None:
        """How the brokers' certificates are checked; None where the connection is not encrypted."""
        return ssl.create_default_context(cadata=self.kafka_ca) if self.kafka_protocol.endswith("SSL") else None

    @property
    def kafka(self) -> dict[str, Any]:
        """What a client needs to come into Kafka, by the names that kafka-python and aiokafka share."""
        come: dict[str, Any] = {"bootstrap_servers": self.kafka_bootstrap, "security_protocol": self.kafka_protocol}
        if self.kafka_signs_in and self.kafka_password:
            come["sasl_mechanism"] = self.kafka_mechanism
            come["sasl_plain_username"] = self.kafka_username
            come["sasl_plain_password"] = self.kafka_password.get_secret_value()
        if context := self.kafka_tls:
            come["ssl_context"] = context
        return come

    @property
    def smtp(self) -> dict[str, Any]:
        """What aiosmtplib needs to hand a mail over."""
        come: dict[str, Any] = {"hostname": self.smtp_host, "port": self.smtp_port}
        if self.smtp_protocol != "PLAIN":
            come["start_tls" if self.smtp_protocol == "STARTTLS" else "use_tls"] = True
            come["tls_context"] = ssl.create_default_context(cadata=self.smtp_ca)
        if self.smtp_username and self.smtp_password:
            come |= {"username": self.smtp_username, "password": self.smtp_password.get_secret_value()}
        return come

    @property
    def pepper(self) -> bytes:
        """What the digests of entries hide contacts with. Made of the session secret: where that changes, an entry with
        a contact that is sent once more counts as changed."""
        return hashlib.sha256(b"contacts\0" + self.session_secret.encode()).digest()

    def database(self, service: str) -> str:
        return self.database_prefix + service

    def topic(self, name: str) -> str:
        return self.topic_prefix + name
