"""Black box files: written, cut, played again."""
