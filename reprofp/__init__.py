"""reprofp: may these two results be compared?"""

__version__ = "0.1.0"
