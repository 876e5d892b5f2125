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

    def copies_of(self, e, step):
        """Give what is copied when a message of e ends a step."""
        return [f for f, emission in enumerate(self.network.emissions) if emission.copied == (e, step)]

    def never_sent(self, e, step):
        """Give what a message of e that is lost on its way to a step would still have been copied to."""
        found, steps = set(), len(self.network.emissions[e].route)
        for after in range(step, steps):
            for f in self.copies_of(e, after):
                found |= {f} | self.never_sent(f, 0)
        return found

    def send(self, sample, e):
        message = Message(sample, e, self.now)
        if not self.network.emissions[e].route:
            self.ended(message)
        elif self.join(message) == "lost":
            self.lose(message)

    def lose(self, message):
        self.lost[message.sample] += 1
        self.ended(message)
        for f in sorted(self.never_sent(message.emission, message.place)):
            self.lost[message.sample] += 1
            self.ended(Message(message.sample, f, self.now))

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
                if copy < self.copies[sample][e] and emission.copied is None:
                    self.send(sample, e)
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
        for e in self.copies_of(message.emission, message.place):
            self.send(message.sample, e)
        ended = message.place + 1 == len(self.route(message))
        if not ended:
            message.place, message.since = message.place + 1, self.now
            came = self.join(message)
            if came == "outside":
                return
        self.take_next(server)
        if came == "lost":
            self.lose(message)
        elif ended:
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
