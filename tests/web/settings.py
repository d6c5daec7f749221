"""What the tests tell the web library, in place of a service's environment."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class WebSettings:
    """As runtime's settings: every service at the same address, that of the one application under test."""

    address: str = "http://localhost:9"
    oidc_issuer: str = "http://localhost:9"
    session_secret: str = "a secret of the tests"
    oidc_client_id: str = "shuangqian"
    oidc_client_secret: str = "local"
    node_modules: Path = ROOT / "node_modules"

    def __post_init__(self) -> None:
        self.publishing_url = self.submissions_url = self.review_url = self.address
        self.notifications_url = self.audit_url = self.address
