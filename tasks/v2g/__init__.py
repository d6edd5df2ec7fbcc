"""V2G messages: the stream's frames, the handshake, and DIN SPEC 70121 in both roles."""
