"""Settings of the MQTT connection, and of a vehicle whose data comes over it."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class MqttConfig:
    """Section `mqtt` of the configuration: one broker, one base topic."""

    publish: bool = setting(False, meaning="tell the broker what goes on, also where nothing is heard from it")
    broker: str = setting("localhost", meaning="host name or address of the broker")
    port: int = setting(1883, low=1, high=65535, meaning="1883, with TLS usually 8883")
    topic: str = setting("pyPlc", meaning="base of all topics; two boxes at one broker need two bases")
    client_id: str = setting("", meaning="name at the broker, which throws out the older of two clients of one name; empty: ccsbox-pev, ccsbox-evse or ccsbox-bridge")
    protocol: str = setting("3.1.1", choices=("3.1.1", "5"), meaning="5: the broker keeps too long messages away by itself; every broker knows 3.1.1")
    discovery: bool = setting(False, meaning="tell Home Assistant what the topics are, so that it shows the box by itself (retained messages below discovery_prefix)")
    discovery_prefix: str = setting("homeassistant", meaning="where Home Assistant listens for it; homeassistant unless changed there")
    qos: int = setting(0, low=0, high=2, meaning="quality of service of what is published and subscribed; 0 is what pyPLC uses")
    keepalive_s: int = setting(10, unit="s", low=5, high=300, meaning="the broker tells others that we are offline after one and a half of this")
    user: str = setting("", meaning="user name; empty: none")
    password_file: str = setting("", meaning="file with the password in its first line, readable for this program only; empty: none")
    tls: bool = setting(False, meaning="encrypt, and check the broker's certificate")
    ca_file: str = setting("", meaning="PEM file of the authority that signed the broker's certificate; empty: those of the system")
    certificate_file: str = setting("", meaning="own certificate (PEM), where the broker asks for one")
    key_file: str = setting("", meaning="key of the own certificate (PEM)")

    def __post_init__(self) -> None:
        problems = []
        if self.discovery and not self.publish:
            problems.append("discovery = true but publish = false; set publish: true as well, for what is announced has to be published")
        if not self.broker.strip():
            problems.append("broker is empty; expected a host name or an address")
        for key, value in (("topic", self.topic), ("discovery_prefix", self.discovery_prefix)):
            if not value or any(c in "+#\0" or not c.isprintable() for c in value) or value[0] in "$/" or value[-1] == "/":
                problems.append(f"{key} = {value!r}; expected a name such as pyPlc or garage/car, without + and #, not beginning with $ or /, not ending with /")
        if (self.ca_file or self.certificate_file or self.key_file) and not self.tls:
            problems.append("certificate files are named but tls = false; set tls: true")
        if bool(self.certificate_file) != bool(self.key_file):
            problems.append("certificate_file and key_file belong together; set both or none")
        if self.password_file and not self.user:
            problems.append("password_file is set but user is empty; set user")
        if problems:
            raise ValueError("; ".join(problems))


@settings_class(slots=True)
class MqttVehicleConfig:
    """Section `mqtt_vehicle`: what the topics of a vehicle may leave out. A limit by topic can only lower the one here."""

    permission: str = setting("topic", choices=("topic", "values"), meaning=(
        "topic: charge_permission must be published. values: fresh voltage and wishes are the permission, as with pyPLC, which has no topic for it"))
    max_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="never above this; 0: topic max_voltage alone says it")
    max_current_a: float = setting(0.0, unit="A", low=0, high=500, meaning="never above this; 0: topic max_current alone says it")
    max_power_w: float = setting(0.0, unit="W", low=0, high=400_000, meaning="never above this; 0: topic max_power alone says it")
    capacity_wh: float = setting(0.0, unit="Wh", low=0, high=300_000, meaning="content where topic battery_capacity does not say it; 0: not known")
