"""Times and sizes in words. Pure."""


def shown_time(seconds: float) -> str:
    """`0.4 s`, `45 s`, `12 min`, `3.5 h`, `4 days`"""
    if 0 < seconds < 2:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def shown_range(low: float, middle: float, high: float) -> str:
    """`about 12 min (8 min to 17 min)`"""
    return f"about {shown_time(middle)} ({shown_time(low)} to {shown_time(high)})"


def shown_size(megabytes: float) -> str:
    """`850 MB`, `1.2 GB`"""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
