"""Who the two ends of each capture are (field-pyplc-clara sheet, section 11; the captures' README): part of the name -> car, charger."""
from __future__ import annotations

PEERS: dict[str, tuple[str, str]] = {
    "2022-10-26_WP4": ("Ioniq", "alpitronic"),
    "2022-11-17_Dehner": ("pyPLC", "alpitronic"),
    "2022-11-25_v0.2_ABB": ("pyPLC", "ABB Terra"),
    "2022-11-25_v0.2_alpi": ("pyPLC", "alpitronic"),
    "2022-12-13_compleo_with_bulb": ("pyPLC", "Compleo"),
    "2022-12-20_alpi": ("pyPLC", "alpitronic"),
    "2023-03-02_SuperCharger": ("pyPLC", "Tesla Supercharger V3"),
    "2023-04-16_at_home_Ioniq": ("Ioniq", "pyPLC"),
    "2023-05-03_Taycan": ("Taycan", "pyPLC"),
    "2023-05-24_pyPlc_with_Ioniq": ("Ioniq", "pyPLC"),
    "2024-06-18_Griffigroen": ("Polestar 2", "pyPLC"),
    "2025-01-21_listenMode_02": ("Foccci", "pyPLC"),
    "2026-02-08_pyPLC_FoccciCape_AudiQ4": ("Audi Q4", "pyPLC"),
    "DIN_DC_DS5366": ("Josev", "DS5366"),
    "IEC61851_AC_PWM": ("test equipment", "DS5366"),
    "ISO-20_BPT_AC": ("Josev", "DS5366"),
    "ISO-20_mTLS_DC": ("Josev", "DS5366"),
    "ISO-2_AC_DS5366": ("DS5366", "DS5366"),
    "ISO-2_DC_BatteryDataExchange": ("RiseV2G", "DS5366"),
    "ISO-2_DC_DS5366": ("DS5366", "DS5366"),
    "ISO-2_DC_PnC_TLS": ("RiseV2G", "DS5366"),
    "spi_ioniq_alpi": ("Ioniq", "alpitronic HYC150"),
}
UNKNOWN = ("car", "charger")


def peers(capture: str) -> tuple[str, str]:
    """Car and charger of a capture."""
    return next((ends for name, ends in PEERS.items() if name in capture), UNKNOWN)
