"""A service that has nothing but inventory's faults and the real routes that switch them."""

import os

from fastapi import FastAPI

from sample_services import faults_admin, problems
from sample_services.faults import Faults


def create_app():
    app = FastAPI()
    problems.install(app)
    faults_admin.install(app, Faults("inventory"), os.environ["FAULTS_TOKEN"])
    return app
