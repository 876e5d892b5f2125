"""A sensor sends readings over TCP and a chip learns from each as it arrives; the sensor breaks off and returns."""

import random
import socket
import threading

import neurosim as ns

WIDTH = 16


def sensor(listening: socket.socket) -> None:
    """Serve two connections: each gets a thousand lines of sixteen numbers, and the first breaks off within a line."""
    draw = random.Random(0)
    for ending in (b"0.5,0.2", b""):
        connection, _ = listening.accept()
        with connection:
            for reading in range(1000):
                centre = 4 if reading % 2 else 11  # two patterns take turns
                values = [max(0.0, 1 - abs(place - centre) / 4 + draw.gauss(0, 0.05)) for place in range(WIDTH)]
                connection.sendall(",".join(f"{value:.4f}" for value in values).encode() + b"\n")
            connection.sendall(ending)


listening = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=sensor, args=(listening,), daemon=True).start()

port = listening.getsockname()[1]
stream = ns.open_stream(f"tcp:127.0.0.1:{port}", inputs=WIDTH, queue=500, reconnect=10, idle=1)
chip = ns.Chip([ns.recipes.softhebb(4)], inputs=WIDTH)
report = ns.run(chip, stream)
listening.close()

print(f"{report.samples} samples learned, {report.source['dropped']} dropped, {report.source['cut']} cut off")
print(f"half of them took {report.latencies.summary()['p50'] * 1e6:.1f} us or less in the chip")
