"""The timeline, slow and plain: one heap of all events, one object for each message, written from docs/timeline.md."""

import heapq
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Message:
    sample: int
    emission: int
    since: int
    place: int = 0


@dataclass
class Server:
    capacity: float
    serving: Message | None = None
    queue: deque = field(default_factory=deque)
    door: deque = field(default_factory=deque)
    busy: int = 0
    blocked: int = 0
    served: int = 0
    longest: int = 0


class Reference:
    def __init__(self, network, arrivals, copies, services):
        self.network, self.copies, self.services = network, copies, services
        self.servers = [Server(float("inf") if c < 0 else c) for c in network.capacities]
        self.samples, stages = len(arrivals), len(network.stages)
        self.fired = [[-1] * stages for _ in range(self.samples)]
        self.lost, self.waited = [0] * self.samples, [0] * self.samples
        self.needs = [[int(s == 0) for s in range(stages)] for _ in range(self.samples)]
        for n in range(self.samples):
            for e, emission in enumerate(network.emissions):
                if n + emission.offset < self.samples:
                    self.needs[n + emission.offset][emission.target] += int(copies[n][e]) + 1
        self.now, self.turn, self.ready, self.events = 0, 0, deque(), []
        for n, moment in enumerate(arrivals):
            self.schedule(int(moment), ("arrival", n))

    def schedule(self, moment, what):
        heapq.heappush(self.events, (moment, self.turn, what))
        self.turn += 1

    def run(self):
        while self.events:
            self.now, _, (what, which) = heapq.heappop(self.events)
            if what == "arrival":
                self.deliver(which, 0)
            else:
                self.complete(self.servers[which])
            while self.ready:
                self.fire(*self.ready.popleft())
        return self

    @property
    def stuck(self):
        return any(server.serving is not None for server in self.servers)

    def deliver(self, sample, stage):
        if sample < self.samples:
            self.needs[sample][stage] -= 1
            if self.needs[sample][stage] == 0:
                self.ready.append((sample, stage))

    def fire(self, sample, stage):
        self.fired[sample][stage] = self.now
        mine = [(e, emission) for e, emission in enumerate(self.network.emissions) if emission.source == stage]
        for copy in range(max((int(self.copies[sample][e]) for e, _ in mine), default=0)):
            for e, emission in mine:
                if copy < self.copies[sample][e]:
                    message = Message(sample, e, self.now)
                    if not emission.route or self.join(message) == "lost":
                        self.ended(message)
        for _, emission in mine:
            self.deliver(sample + emission.offset, emission.target)

    def ended(self, message):
        emission = self.network.emissions[message.emission]
        self.deliver(message.sample + emission.offset, emission.target)

    def emission(self, message):
        return self.network.emissions[message.emission]

    def route(self, message):
        return self.emission(message).route

    def server(self, message, back=0):
        return self.servers[self.route(message)[message.place - back][0]]

    def join(self, message):
        server = self.server(message)
        if server.serving is None:
            self.serve(server, message)
        elif len(server.queue) < server.capacity:
            server.queue.append(message)
            server.longest = max(server.longest, len(server.queue))
        elif self.network.policy == "drop" and not (message.place == 0 and self.emission(message).kept):
            self.lost[message.sample] += 1
            return "lost"
        else:
            server.door.append(message)
            return "outside"
        return "in"

    def serve(self, server, message):
        resource, hold = self.route(message)[message.place]
        if message.place + 1 == len(self.route(message)):
            hold += int(self.services[message.sample][message.emission])
        self.waited[message.sample] += self.now - message.since
        server.serving = message
        server.busy += hold
        self.schedule(self.now + hold, ("end", resource))

    def complete(self, server):
        message, came = server.serving, "in"
        server.served += 1
        ended = message.place + 1 == len(self.route(message))
        if not ended:
            message.place, message.since = message.place + 1, self.now
            came = self.join(message)
            if came == "outside":
                return
        self.take_next(server)
        if ended or came == "lost":
            self.ended(message)

    def take_next(self, server):
        server.serving, entering = None, None
        if server.capacity == 0 and server.door:
            entering = server.door.popleft()
            self.serve(server, entering)
        elif server.queue:
            self.serve(server, server.queue.popleft())
            if server.door:
                entering = server.door.popleft()
                server.queue.append(entering)
        if entering is not None and entering.place > 0:
            behind = self.server(entering, back=1)
            behind.blocked += self.now - entering.since
            self.take_next(behind)
