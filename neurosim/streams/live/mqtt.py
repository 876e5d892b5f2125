"""MQTT 5: the messages of a topic, from a broker.

Paho's client is driven by the thread that receives, one step at a time: nothing is taken from the broker that has no
room here, and no event loop runs beside it.

    MQTT 5.0, OASIS, section 4.3 (quality of service), 4.4 (delivery again), 3.8.3.1 (retained messages)
"""

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from neurosim.errors import StreamError
from neurosim.streams.live.live import reader
from neurosim.streams.live.names import connected
from neurosim.streams.live.spelling import choice, host_and_port, package, split_options
from neurosim.streams.live.transport import Message, Transport
from neurosim.streams.sources import hidden

OPTIONS = {"qos": "1", "client": "", "session": "3600", "user": "", "tls": "no", "keepalive": "15"}
PORT, PORT_OF_TLS = 1883, 8883
PASSWORD = "NEUROSIM_MQTT_PASSWORD"  # the variable of the environment that has it
MOST = 1024  # messages that are taken at once
REFUSED = 128  # the first of the codes that say no
# Codes of CONNACK after which trying again helps: unavailable, busy, quota, another server for now, rate exceeded.
FOR_NOW = (136, 137, 151, 156, 159)


class MQTT(Transport):
    """Messages of a topic, which may have the wildcards + and #.

    Parameters
    ----------
    host : str
    port : int
    topic : str
    qos : {0, 1, 2}
        Quality of service asked for; the broker gives each message the smaller one of this and its publisher's.
    client : str
        Name under which the broker keeps what comes while nobody is connected; "" to keep nothing.
    session : int
        Seconds for which it keeps it.
    user : str
        "" for none; the password is that of `password`.
    password : str, optional
    tls : bool
        Whether the connection is encrypted, and the broker's certificate checked.
    keepalive : int
        Seconds of silence after which the broker is asked whether it is there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        topic: str,
        *,
        qos: int = 1,
        client: str = "",
        session: int = 3600,
        user: str = "",
        password: str | None = None,
        tls: bool = False,
        keepalive: int = 15,
    ) -> None:
        self.kind = f"mqtt {topic}"
        self._paho = package("mqtt", "paho.mqtt.client", "mqtt")
        self._host, self._port, self._topic, self._qos = host, port, topic, qos
        self._name, self._session, self._keepalive = client, session, keepalive
        self._user, self._password, self._tls = user, password, tls
        self._client: Any = None
        self._messages: list[Message] = []
        self._fault: OSError | None = None

    def open(self, seconds: float) -> bool:
        """Connect and subscribe.

        Raises
        ------
        OSError
            If no broker answers, or it has no room for now.
        StreamError
            If it refuses the client or the topic.
        """
        until, self._fault, self._subscribed = time.monotonic() + seconds, None, False
        try:
            self._client = client = self._made(seconds)
            kept = {"clean_start": not self._name, "properties": self._kept()}
            client.connect(self._host, self._port, self._keepalive, **kept)
            while not self._subscribed and self._fault is None:
                if time.monotonic() >= until or client.loop(0.05) != self._paho.MQTT_ERR_SUCCESS:
                    break
        except (OSError, ValueError) as error:
            words = f"mqtt {self._host} must be asked for a topic and host of MQTT, got {self._topic!r}, but: {error}"
            self._fault = error if isinstance(error, OSError) else StreamError(words)
        if not self._subscribed:
            fault = self._fault or ConnectionError(f"{self._host}:{self._port} does not answer as a broker of MQTT 5")
            self.close()
            raise fault
        return True

    def receive(self, seconds: float) -> Sequence[Message]:
        """Return messages that are there; wait for the first of them.

        Raises
        ------
        ConnectionError
            If the connection broke, or the broker ended it.
        """
        good, messages = self._paho.MQTT_ERR_SUCCESS, self._messages
        result = good if messages else self._client.loop(seconds)
        before = -1
        while result == good and before < len(messages) < MOST:
            before = len(messages)
            result = self._client.loop_read()  # a packet, if there is one
        if messages:
            self._messages = []
            return messages
        if result != good:
            raise self._fault or ConnectionError(
                f"{self._host}:{self._port}: {self._paho.error_string(result).lower().rstrip('.')}"
            )
        return ()

    def close(self) -> None:
        """Leave the broker; with a name it keeps what comes next."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, ValueError):
                client.disconnect()
                client.loop(0)

    def _made(self, seconds: float) -> Any:
        """Return a client that tells this one what happens."""
        paho = self._paho

        class Client(paho.Client):  # type: ignore[misc, name-defined]
            def _create_socket_connection(own) -> socket.socket:  # noqa: N805 - its own lookup of names has no limit
                return connected(self._host, self._port, seconds, self.ended)

        client = Client(paho.CallbackAPIVersion.VERSION2, client_id=self._name, protocol=paho.MQTTv5)
        client.connect_timeout = max(0.1, seconds)
        client.on_connect, client.on_subscribe = self._connected, self._answered
        client.on_message, client.on_disconnect = self._take, self._left
        if self._user:
            client.username_pw_set(self._user, self._password)
        if self._tls:
            client.tls_set()
        return client

    def _kept(self) -> Any:
        """Return what asks the broker to keep the session."""
        properties = package("mqtt", "paho.mqtt.properties", "mqtt").Properties
        types = package("mqtt", "paho.mqtt.packettypes", "mqtt").PacketTypes
        kept = properties(types.CONNECT)
        kept.SessionExpiryInterval = self._session if self._name else 0
        return kept

    def _connected(self, client: Any, _user: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.value >= REFUSED:
            words = f"{self._host}:{self._port} must let us in, but: {code}"
            self._fault = ConnectionError(words) if code.value in FOR_NOW else StreamError(f"mqtt {words}")
            return
        options = package("mqtt", "paho.mqtt.subscribeoptions", "mqtt").SubscribeOptions
        never = options.RETAIN_DO_NOT_SEND  # what is retained was sent long ago, and would come at each connection
        client.subscribe(self._topic, options=options(qos=self._qos, retainHandling=never))

    def _answered(self, _client: Any, _user: Any, _number: int, codes: Any, _properties: Any) -> None:
        refused = [code for code in codes if code.value >= REFUSED]
        if refused:
            self._fault = StreamError(f"mqtt {self._host} must let us read {self._topic}, but: {refused[0]}")
        else:
            self._subscribed = True

    def _take(self, _client: Any, _user: Any, message: Any) -> None:
        if not message.retain:
            self._messages.append(Message(message.payload, key=message.topic.encode()))

    def _left(self, _client: Any, _user: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if self._fault is None:
            self._fault = ConnectionError(f"{self._host}:{self._port} is gone ({str(code).lower()})")


@reader("mqtt")
def mqtt(text: str) -> MQTT:
    """Open `mqtt:HOST[:PORT]/TOPIC[?OPTIONS]`.

    Raises
    ------
    StreamError
        If it says none.
    ConfigError
        If paho-mqtt is not installed.
    """
    address, options = split_options("mqtt", text, OPTIONS)
    where, slash, topic = address.partition("/")
    if not slash or not topic:
        raise StreamError(f"address of mqtt must be HOST:PORT/TOPIC, got {hidden(address)!r}")
    tls = choice("mqtt", options, "tls", ("no", "yes")) == "yes"
    host, port = host_and_port("mqtt", where, PORT_OF_TLS if tls else PORT)
    seconds = {name: _seconds(options, name) for name in ("session", "keepalive")}
    qos = int(choice("mqtt", options, "qos", ("0", "1", "2")))
    return MQTT(
        host, port, topic, qos=qos, client=options["client"], user=options["user"],
        password=os.environ.get(PASSWORD), tls=tls, **seconds,
    )  # fmt: skip


def _seconds(options: dict[str, str], name: str) -> int:
    """Return a whole number of seconds of an option: those of MQTT have two or four bytes."""
    most = 2**16 - 1 if name == "keepalive" else 2**32 - 1
    text = options[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= most):
        raise StreamError(f"{name} of mqtt must be whole seconds from 1 to {most}, got {text}")
    return int(text)
