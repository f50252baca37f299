"""Under load each process is killed (SIGKILL) and started again: nothing acknowledged is lost or twice."""

import threading

from mesh import START_S, Mesh
from traffic import Traffic


def test_each_is_killed_in_turn(busy: Mesh, traffic: Traffic) -> None:
    for name in busy.specs:
        busy.kill(name)
        traffic.goes_on()
        busy.reconciled()


def test_all_are_killed_at_once(busy: Mesh, traffic: Traffic) -> None:
    killers = [threading.Thread(target=busy.kill, args=(name,)) for name in busy.specs]
    for killer in killers:
        killer.start()
    for killer in killers:
        killer.join(2 * START_S)
    traffic.goes_on()
