"""What is wrong with a data set, before training is paid for."""

from nerbb_ray.doctor.examine import DEFAULT_LENGTH, examine
from nerbb_ray.doctor.findings import Findings
from nerbb_ray.doctor.page import findings_page
from nerbb_ray.doctor.text import findings_text

__all__ = ["DEFAULT_LENGTH", "Findings", "examine", "findings_page", "findings_text"]
