"""TCP for two hosts on one link: as much of RFC 9293 as a V2G session needs, and no less."""
