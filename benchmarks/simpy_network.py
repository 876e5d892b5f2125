"""A network of the timeline in SimPy's own terms: messages and stages are processes, servers are Resources.

Places of a bounded queue are a Resource too, of one more than its capacity: the message in service keeps its place. A
message holds its server until it has a place in the next queue, which is blocking after service.

SimPy has its own order of what happens at one moment, so the two agree where moments do not meet by chance.
"""

from collections.abc import Iterator

import simpy


class Model:
    """One run: `Model(network, arrivals, copies, services).run()`, then `fired`, `lost`, `waited`, `events`."""

    def __init__(self, network, arrivals, copies, services):
        self.network, self.copies, self.services = network, copies, services
        self.environment = simpy.Environment()
        self.servers = [simpy.Resource(self.environment) for _ in network.resources]
        self.places = [simpy.Resource(self.environment, c + 1) if c >= 0 else None for c in network.capacities]
        self.sent = [[] for _ in network.stages]
        for place, emission in enumerate(network.emissions):
            self.sent[emission.source].append((place, emission))
        self.samples, stages = len(arrivals), range(len(network.stages))
        self.needs = [[int(stage == 0) for stage in stages] for _ in range(self.samples)]
        for n in range(self.samples):
            for place, emission in enumerate(network.emissions):
                if n + emission.offset < self.samples:
                    self.needs[n + emission.offset][emission.target] += copies[n][place] + 1
        self.ready = [[self.environment.event() for _ in stages] for _ in range(self.samples)]
        self.fired = [[-1 for _ in stages] for _ in range(self.samples)]
        self.lost, self.waited, self.events = [0] * self.samples, [0] * self.samples, 0
        self.going = 0  # messages on their way: some at the end is a deadlock
        self.environment.process(self.arrive(arrivals))
        for n in range(self.samples):
            for stage in stages:
                self.environment.process(self.stage(n, stage))

    def run(self):
        """Run until nothing is to come."""
        self.environment.run()
        return self

    def arrive(self, arrivals) -> Iterator[simpy.Event]:
        """Let the samples come."""
        for n, moment in enumerate(arrivals):
            if moment > self.environment.now:
                yield self.environment.timeout(moment - self.environment.now)
            self.deliver(n, 0)

    def deliver(self, n, stage):
        """Count what a stage waits for."""
        if n < self.samples:
            self.needs[n][stage] -= 1
            if self.needs[n][stage] == 0:
                self.ready[n][stage].succeed()

    def stage(self, n, stage) -> Iterator[simpy.Event]:
        """Wait for all, then send: one message of each emission in turn."""
        yield self.ready[n][stage]
        self.fired[n][stage] = self.environment.now
        for copy in range(max((self.copies[n][place] for place, _ in self.sent[stage]), default=0)):
            for place, emission in self.sent[stage]:
                if emission.copied is not None:
                    continue
                if copy < self.copies[n][place] and not emission.route:
                    self.deliver(n + emission.offset, emission.target)
                elif copy < self.copies[n][place]:
                    self.environment.process(self.message(n, place, emission))
        for _, emission in self.sent[stage]:
            self.deliver(n + emission.offset, emission.target)

    def lose(self, n, place, step):
        """Count a message that is lost before a step, and deliver what would have been copied from it since."""
        self.lost[n] += 1
        for other, copy in enumerate(self.network.emissions):
            if copy.copied is not None and copy.copied[0] == place and copy.copied[1] >= step:
                self.deliver(n + copy.offset, copy.target)
                self.lose(n, other, 0)

    def message(self, n, place, emission) -> Iterator[simpy.Event]:
        """Go along the route."""
        environment, behind = self.environment, []
        self.going += 1
        for i, (resource, hold) in enumerate(emission.route):
            since, server, places, now = environment.now, self.servers[resource], self.places[resource], []
            if places is not None:
                if self.network.policy == "drop" and places.count == places.capacity:
                    self.lose(n, place, i)
                    break
                room = places.request()
                yield room
                now.append((places, room))
            turn = server.request()
            for owner, request in behind:
                owner.release(request)
            yield turn
            self.waited[n] += environment.now - since
            yield environment.timeout(hold + (self.services[n][place] if i + 1 == len(emission.route) else 0))
            self.events += 1
            for other, copy in enumerate(self.network.emissions):
                if copy.copied == (place, i):
                    self.environment.process(self.message(n, other, copy))
            behind = [(server, turn), *now]
        for owner, request in behind:
            owner.release(request)
        self.going -= 1
        self.deliver(n + emission.offset, emission.target)
