"""The app settings: read and validated once, every mistake named in one message.

Values that are resource ids, networks or patterns are parsed here, so that nothing later meets a malformed one.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import InvalidResourceId, SettingsError
from shared.model import azure_types
from shared.model.resource_id import ResourceId, is_guid

ALL_SUBSCRIPTIONS = "*"
DRIFT_SCHEDULE_DEFAULT = "0 */15 * * * *"


class Mode(StrEnum):
    """Whether a rule repairs or only reports."""

    ENFORCE = "enforce"
    REPORT = "report"


class Rule(StrEnum):
    """The three jobs, as settings, logs and plans name them."""

    ZONE_LINKS = "zone_links"
    API_RULES = "api_rules"
    ROUTE_TABLES = "route_tables"


class Cloud(StrEnum):
    """The Azure clouds."""

    PUBLIC = "public"
    CHINA = "china"
    USGOV = "usgov"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def _resource_id(resource_type: str) -> Any:
    def read(value: object) -> ResourceId:
        try:
            parsed = value if isinstance(value, ResourceId) else ResourceId.parse(value)
        except InvalidResourceId:
            # Its message quotes the text, which may be a secret in the wrong place.
            raise ValueError(f"is not the resource id of a {resource_type}") from None
        if not parsed.is_type(resource_type):
            raise ValueError(f"is a {parsed.type}, not a {resource_type}")
        return parsed

    return read


def _resource_ids(resource_type: str) -> Any:
    read = _resource_id(resource_type)
    return lambda value: tuple(dict.fromkeys(read(item) for item in _as_tuple(_split(value))))


def _as_tuple(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


def _subscriptions(value: object) -> frozenset[str]:
    items = frozenset(str(item).lower() for item in _as_tuple(_split(value)))
    wrong = sorted(item for item in items if item != ALL_SUBSCRIPTIONS and not is_guid(item))
    if wrong:
        raise ValueError(f"{len(wrong)} of its values are no subscription id")
    return items


def _each_once(networks: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
    return tuple(dict.fromkeys(networks))


def _not_empty(value: Any) -> Any:
    if not value:
        raise ValueError("must not be empty")
    return value


VirtualNetworkId = Annotated[ResourceId, BeforeValidator(_resource_id(azure_types.VIRTUAL_NETWORK))]
FirewallPolicyId = Annotated[ResourceId, BeforeValidator(_resource_id(azure_types.FIREWALL_POLICY))]
VirtualNetworkIds = Annotated[tuple[ResourceId, ...], BeforeValidator(_resource_ids(azure_types.VIRTUAL_NETWORK))]
ZoneIds = Annotated[tuple[ResourceId, ...], BeforeValidator(_resource_ids(azure_types.PRIVATE_DNS_ZONE))]
Subscriptions = Annotated[frozenset[str], BeforeValidator(_subscriptions), AfterValidator(_not_empty)]
Networks = Annotated[tuple[IPv4Network, ...], BeforeValidator(_split), AfterValidator(_each_once)]


class StorageSettings(BaseSettings):
    """The settings that reaching the queues needs; read on their own when the others are wrong."""

    model_config = SettingsConfigDict(
        case_sensitive=False,
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
        populate_by_name=True,
        env_ignore_empty=True,
        enable_decoding=False,
    )

    azure_cloud: Cloud = Field(default=Cloud.PUBLIC, description="`public`, `china` or `usgov`.")
    azure_client_id: str | None = Field(
        default=None, description="Client id of the user-assigned identity. Unset: the system-assigned one."
    )
    time_scale: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="Divides every wait of the app. Only for a local Azure that runs faster than time; 1 in Azure.",
    )
    storage_connection_string: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AzureWebJobsStorage", "storage_connection_string"),
        repr=False,
        description="Connection string of the storage for queues, tables and blobs (local only).",
    )
    storage_account_name: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AzureWebJobsStorage__accountName", "storage_account_name"),
        pattern=r"^[a-z0-9]{3,24}$",
        validate_default=True,
        description="Storage account reached with the app's identity.",
    )
    storage_client_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AzureWebJobsStorage__clientId", "storage_client_id"),
        description="Client id of the identity for the storage. Unset: as AZURE_CLIENT_ID.",
    )

    @field_validator("storage_account_name", mode="after")
    @classmethod
    def _storage_is_named(cls, value: str | None, info: ValidationInfo) -> str | None:
        # A field validator, unlike a model validator, speaks up together with the mistakes in other fields.
        if not (value or info.data.get("storage_connection_string")):
            raise ValueError("or AzureWebJobsStorage is required")
        return value


class Settings(StorageSettings):
    """All settings; the environment variable of each field is its name in capitals.

    Raises SettingsError through `load_settings`, never pydantic's own error.
    """

    hub_vnet_id: VirtualNetworkId = Field(description="Resource id of the hub VNet.")
    monitoring_vnet_ids: Annotated[VirtualNetworkIds, AfterValidator(_not_empty)] = Field(
        description="Comma-separated resource ids of the VNets that must reach every API server."
    )
    firewall_policy_id: FirewallPolicyId = Field(
        description="Resource id of the firewall policy that receives the API-server rules."
    )
    firewall_rule_collection_group: str = Field(
        default="rcg-aks-api-servers",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$",
        description="Our own rule collection group in that policy; nobody else should edit it.",
    )
    firewall_rule_collection_group_priority: int = Field(
        default=400, ge=100, le=65000, description="Its priority, 100 (first) to 65000 (last)."
    )
    firewall_egress_group: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$",
        description="A second rule collection group of our own that allows what private clusters need of the "
        "Internet. Unset: their way out is somebody else's job.",
    )
    firewall_egress_group_priority: int = Field(
        default=410, ge=100, le=65000, description="The egress group's priority, 100 (first) to 65000 (last)."
    )
    firewall_private_ip: IPv4Address | None = Field(
        default=None,
        description="Next hop of 0.0.0.0/0. Unset: the private address of the policy's firewall. Set it for an NVA.",
    )
    spoke_subscription_ids: Subscriptions = Field(
        description="Comma-separated ids of the subscriptions looked after, or `*` for all that are readable."
    )
    api_client_cidrs: Networks = Field(
        default=(),
        description="Comma-separated sources of the allow rules. Unset: the address space of the monitoring VNets.",
    )
    aks_subnet_name_pattern: re.Pattern[str] | None = Field(
        default=None,
        description="Regular expression for the names of AKS subnets that no cluster uses yet: AKS wants the route "
        "table there before it creates a cluster. Unset: only subnets of existing clusters.",
    )
    trusted_zone_ids: ZoneIds = Field(
        default=(), description="Comma-separated resource ids of bring-your-own AKS zones that may be linked."
    )
    mode: Mode = Field(default=Mode.ENFORCE, description="`enforce` repairs, `report` only says what it would do.")
    mode_zone_links: Mode | None = Field(default=None, description="Overrides MODE for virtual network links.")
    mode_api_rules: Mode | None = Field(default=None, description="Overrides MODE for the firewall rules.")
    mode_route_tables: Mode | None = Field(default=None, description="Overrides MODE for route tables and routes.")
    max_changes_per_run: int = Field(default=100, ge=1, description="A run that wants more changes applies none.")
    max_deletions_per_run: int = Field(default=10, ge=0, description="A run that wants more deletions applies none.")
    stopped_rule_retention_hours: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="How long a stopped cluster keeps its firewall rule; 0 keeps it for as long as the cluster exists.",
    )
    give_up_minutes: float = Field(
        default=180.0,
        gt=0,
        allow_inf_nan=False,
        description="How long a cluster that is not ready is looked at again before giving up.",
    )
    drift_schedule: str = Field(
        default=DRIFT_SCHEDULE_DEFAULT, description="NCRONTAB schedule of the drift timer, in UTC."
    )
    drift_topic_endpoint: str | None = Field(
        default=None, pattern=r"^https://.+", description="Endpoint of a custom Event Grid topic for our own events."
    )
    tenant_id: str | None = Field(
        default=None, description="Events and resources of another tenant are refused. Unset: any tenant's events pass."
    )
    arm_endpoint: str | None = Field(
        default=None, pattern=r"^https://.+", description="Overrides the cloud's Resource Manager endpoint."
    )

    def mode_of(self, rule: Rule) -> Mode:
        """Whether a rule repairs or only reports."""
        overrides = {
            Rule.ZONE_LINKS: self.mode_zone_links,
            Rule.API_RULES: self.mode_api_rules,
            Rule.ROUTE_TABLES: self.mode_route_tables,
        }
        return overrides[rule] or self.mode

    @property
    def stopped_rule_retention(self) -> timedelta:
        """How long a stopped cluster keeps its rule; zero for ever."""
        return timedelta(hours=self.stopped_rule_retention_hours)

    def allows_subscription(self, subscription_id: str) -> bool:
        """Whether clusters, zones and VNets of a subscription are looked after."""
        allowed = self.spoke_subscription_ids
        return ALL_SUBSCRIPTIONS in allowed or subscription_id.lower() in allowed

    def names_aks_subnet(self, subnet_name: str) -> bool:
        """Whether a subnet's name says that it is meant for AKS; in any case, as Azure's names have none."""
        pattern = self.aks_subnet_name_pattern
        return pattern is not None and re.search(pattern.pattern, subnet_name, re.IGNORECASE) is not None


def load_settings(**values: object) -> Settings:
    """Read the settings from the environment; keyword arguments win.

    Raises:
        SettingsError: naming every mistake, without the values, which may be secret.
    """
    return _load(Settings, values)


def load_storage_settings() -> StorageSettings:
    """Read only what reaching the queues needs. Raises SettingsError."""
    return _load(StorageSettings, {})


S = TypeVar("S", bound=StorageSettings)


def _load(settings: type[S], values: dict[str, Any]) -> S:
    try:
        return settings(**values)
    except ValidationError as error:
        raise SettingsError([_mistake(item) for item in error.errors(include_url=False, include_input=False)]) from None


def _mistake(item: Any) -> str:
    name = setting_name(str(item["loc"][0])) if item["loc"] else ""
    if item["type"] == "missing":
        return f"{name} is required"
    message = item["msg"].removeprefix("Value error, ")
    return f"{name} {message[0].lower()}{message[1:]}".strip()


def setting_name(field: str) -> str:
    """The app setting that a field is read from."""
    info = Settings.model_fields.get(field)
    if info and isinstance(info.validation_alias, AliasChoices):
        return str(info.validation_alias.choices[0])
    return field if field.startswith("AzureWebJobs") else field.upper()


@lru_cache(maxsize=1)
def settings_from_environment() -> Settings:
    """The settings of this process. A failure is not remembered: health and queue functions ask again."""
    return load_settings()
