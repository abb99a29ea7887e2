"""Workers of a trial meet where only those can come who reach the address of their cluster."""

import psutil
import pytest
import torch

from nerbb_ray.tune import torch_rendezvous as rendezvous


def listening() -> set[str]:
    sockets = psutil.Process().net_connections("inet")
    return {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_the_meeting_place_listens_on_one_address_and_goes_with_the_workers(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    before = listening()
    place = rendezvous.host(address, 1)
    assert place[0] == address
    assert listening() - before <= {address}
    rendezvous.join(place, 0, 1, "gloo", 30)
    try:
        tensor = torch.ones(2)
        torch.distributed.all_reduce(tensor)
        assert tensor.tolist() == [1, 1]
        assert address in listening()
        assert listening() - before <= {"127.0.0.1", address}
    finally:
        torch.distributed.destroy_process_group()
    assert listening() == before


def test_ray_starts_workers_with_it_and_ends_them_as_its_own() -> None:
    config = rendezvous.MeetingConfig(backend="gloo")
    assert config.backend_cls is rendezvous.MeetingBackend
    assert config.backend_cls.on_shutdown is rendezvous.TorchConfig().backend_cls.on_shutdown
