"""From a data set on disk to the tables; every package after this one reads tables alone."""
