"""Build-time tool that turns the document DIALS publishes into the code people call.

`pull` makes the contract (`openapi.json`) out of the published document, `generate` emits
`generated_client/cmsdials_api` out of the contract, and `check` says whether the service or the emitted
code has drifted from it. Nothing here is installed with the wheel.
"""
