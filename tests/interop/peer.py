"""Starts iso15118 0.31.2 (unmodified, from PyPI) as SECC or EVCC for one session; last line of output: RESULT {json}.

Run by the peers' own interpreter. What the package needs to be a fair partner is added here at run time:
a stand-in for `aiofile`, which the wheel imports but does not require; a charger whose voltage follows the car's wish
and goes when it is switched off (its simulated one reports a constant, and a car that waits for its precharge voltage would wait for ever) and whose
limits are those of a charger (its simulated one offers 40 to 40 V, which a car with a battery must refuse); longer
message limits (its Java codec alone can eat the 250 ms of CurrentDemandReq); a shorter wait before it closes TCP.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import types

MESSAGE_LIMIT_FACTOR = 4.0
AC_STATUSES = 12         # the SECC's AC session ends by StopCharging after so many statuses: a car of ours without an AC plant never gets full
CLOSING_PAUSE_S = 0.1    # instead of 2 s and 3 s
CHARGER_LIMITS = {       # of ChargeParameterDiscoveryRes; multiplier, value
    "evse_minimum_voltage_limit": (0, 150), "evse_maximum_voltage_limit": (0, 500),
    "evse_minimum_current_limit": (0, 1), "evse_maximum_current_limit": (0, 125),
    "evse_peak_current_ripple": (0, 1), "evse_maximum_power_limit": (3, 50),
}


class _File:
    """As much of aiofile's file as the package uses."""

    def __init__(self, name: str, mode: str = "r") -> None:
        self.file = open(name, mode)

    async def __aenter__(self) -> _File:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.file.close()

    async def read(self) -> str:
        return self.file.read()


class _PatientAsyncio:
    """asyncio as shared/comm_session.py sees it: more patience with the peer, less before closing."""

    def __getattr__(self, name: str) -> object:
        return getattr(asyncio, name)

    @staticmethod
    async def wait_for(awaitable: object, timeout: float | None) -> object:
        return await asyncio.wait_for(awaitable, None if timeout is None else timeout * MESSAGE_LIMIT_FACTOR)

    @staticmethod
    async def sleep(_seconds: float) -> None:
        await asyncio.sleep(CLOSING_PAUSE_S)


class Sessions:
    """Watches the package's receive loop: which sessions there were and how each ended."""

    def __init__(self, comm_session: types.ModuleType, expected: int) -> None:
        self.ended: list[dict[str, object]] = []
        self.messages = 0
        self.all = asyncio.Event()
        session = comm_session.V2GCommunicationSession
        receive, send = session.rcv_loop, session.send

        async def rcv_loop(that: object, timeout: float) -> None:
            try:
                await receive(that, timeout)
            finally:
                reason = that.stop_reason
                self.ended.append({"ok": bool(reason and reason.successful), "reason": reason.reason if reason else "closed by the other side",
                                   "state": str(that.current_state), "protocol": str(that.protocol)})
                if len(self.ended) >= expected:
                    self.all.set()

        async def counted_send(that: object, message: object) -> None:
            self.messages += 1
            await send(that, message)

        session.rcv_loop, session.send = rcv_loop, counted_send


async def secc(protocol: str, transfer: str) -> asyncio.Task:
    """The charger; prints READY when its servers listen."""
    from iso15118.secc import SECCHandler
    from iso15118.secc.controller.interface import ServiceStatus
    from iso15118.secc.controller.simulator import SimEVSEController
    from iso15118.secc.secc_settings import Config
    from iso15118.shared.exificient_exi_codec import ExificientEXICodec

    class FollowingCharger(SimEVSEController):
        async def set_status(self, status: ServiceStatus) -> None:
            await super().set_status(status)
            if status == ServiceStatus.READY:
                print("READY", flush=True)

        statuses = 0

        async def get_supported_energy_transfer_modes(self, asked: object) -> list:
            return [mode for mode in await super().get_supported_energy_transfer_modes(asked) if mode.value == transfer]

        async def get_ac_evse_status(self) -> object:
            status = await super().get_ac_evse_status()
            self.statuses += 1
            if self.statuses > AC_STATUSES:
                status.evse_notification = type(status.evse_notification)("StopCharging")
            return status

        async def get_dc_charge_parameters_dinspec(self) -> object:
            return self.a_chargers(await super().get_dc_charge_parameters_dinspec())

        async def get_dc_charge_parameters(self) -> object:
            return self.a_chargers(await super().get_dc_charge_parameters())

        @staticmethod
        def a_chargers(parameters: object) -> object:
            for name, (multiplier, value) in CHARGER_LIMITS.items():
                limit = getattr(parameters, name)
                setattr(parameters, name, type(limit)(multiplier=multiplier, value=value, unit=limit.unit))
            return parameters

        async def send_charging_command(self, voltage: float | None, current: float | None, is_precharge: bool = False, is_session_bpt: bool = False) -> None:
            await super().send_charging_command(voltage, current, is_precharge, is_session_bpt)
            if voltage is not None:
                self.evse_data_context.present_voltage = voltage
            if current is not None:
                self.evse_data_context.present_current = 0 if is_precharge else current

        async def stop_charger(self) -> None:
            await super().stop_charger()
            self.evse_data_context.present_voltage = self.evse_data_context.present_current = 0

    config = Config()
    config.load_envs()
    handler = SECCHandler(exi_codec=ExificientEXICodec(), evse_controller=FollowingCharger(), config=config)
    return asyncio.create_task(handler.start(config.iface))


async def evcc(loops: int, pause: int, protocol: str, transfer: str) -> asyncio.Task:
    """The car: `loops` CurrentDemand rounds, `pause` s apart."""
    from iso15118.evcc import Config, EVCCHandler
    from iso15118.evcc.controller.simulator import SimEVController
    from iso15118.evcc.evcc_config import load_from_file
    from iso15118.shared.exificient_exi_codec import ExificientEXICodec

    with open("evcc.json", "w") as out:
        json.dump({"supportedProtocols": [protocol], "energyTransferMode": transfer, "useTls": False, "enforceTls": False,
                   "sdpRetryCycles": 1, "chargeLoopCycle": loops, "chargeLoopDelay": pause}, out)
    config = Config()
    config.load_envs()
    car = await load_from_file("evcc.json")
    print("READY", flush=True)
    return asyncio.create_task(EVCCHandler(evcc_config=car, iface=config.iface, exi_codec=ExificientEXICodec(), ev_controller=SimEVController(car)).start())


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("secc", "evcc"))
    parser.add_argument("--interface", required=True)
    parser.add_argument("--limit", type=float, default=90.0, help="s until the peer gives up")
    parser.add_argument("--loops", type=int, default=10)
    parser.add_argument("--pause", type=int, default=0)
    parser.add_argument("--protocol", default="DIN_SPEC_70121")
    parser.add_argument("--transfer", default="DC_extended")
    parser.add_argument("--sessions", type=int, default=1, help="so many, one after the other; more than one after pauses")
    chosen = parser.parse_args()
    os.environ.update(NETWORK_INTERFACE=chosen.interface, PROTOCOLS=chosen.protocol, AUTH_MODES="EIM", SECC_ENFORCE_TLS="False",
                      MESSAGE_LOG_JSON="False", LOG_LEVEL=os.environ.get("LOG_LEVEL", "INFO"))
    stand_in = types.ModuleType("aiofile")
    stand_in.async_open = _File
    sys.modules.setdefault("aiofile", stand_in)
    from iso15118.shared import comm_session
    comm_session.asyncio = _PatientAsyncio()
    sessions = Sessions(comm_session, chosen.sessions)
    running = await (secc(chosen.protocol, chosen.transfer) if chosen.role == "secc" else evcc(chosen.loops, chosen.pause, chosen.protocol, chosen.transfer))
    ended = asyncio.create_task(sessions.all.wait())
    await asyncio.wait({ended, running}, timeout=chosen.limit, return_when=asyncio.FIRST_COMPLETED)
    problem = "" if sessions.all.is_set() else f"{len(sessions.ended)} of {chosen.sessions} sessions within {chosen.limit:g} s"
    if running.done() and not running.cancelled() and running.exception():
        problem = repr(running.exception())
    ok = bool(sessions.ended) and all(s["ok"] for s in sessions.ended) and not problem
    print("RESULT " + json.dumps({"role": chosen.role, "ok": ok, "messages": sessions.messages, "sessions": sessions.ended, "problem": problem}), flush=True)
    os._exit(0 if ok else 1)      # the Java gateway would keep the interpreter alive


if __name__ == "__main__":
    asyncio.run(main())
