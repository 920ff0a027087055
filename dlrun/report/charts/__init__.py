"""Charts: plain values in, one SVG element out; the page brings their colours and fonts."""
