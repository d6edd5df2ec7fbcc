"""Settings of the listener."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class ListenConfig:
    """Section `listen` of the configuration."""

    show: str = setting("messages", choices=("v2g", "messages", "all"), meaning=(
        "what gets a line in the journal: only V2G messages; every message; also bare acknowledgements and foreign traffic"))
    report_s: int = setting(60, unit="s", low=1, high=3600, meaning="how often the journal says how many frames were heard and understood")
    show_nmk: bool = setting(False, meaning="show overheard network keys (NMK); who has one can join that network. The pcap holds them in any case")
    join: bool = setting(False, meaning=(
        "give the overheard NID and NMK to the own modem (CM_SET_KEY to 00:B0:52:00:00:01), so that it joins the network as a third station; "
        "false: nothing that could transmit is constructed"))
    secc_log: str = setting("", meaning=(
        "CSV file with one line per session (time, MAC addresses, attenuation, NID, end); empty: secc-log.csv in the folder of --output"))
