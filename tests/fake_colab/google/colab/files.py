def upload():
    return {}


def download(filename):
    return None
