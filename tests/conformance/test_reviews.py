"""Who asks, and may they? As a client asks both API servers."""


def test_review_of_the_user_names_it_and_stores_nothing(api):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
    assert answer.status_code == 201
    assert answer.json()["kind"] == "SelfSubjectReview"
    assert answer.json()["status"]["userInfo"]["username"]
    assert "system:masters" in answer.json()["status"]["userInfo"]["groups"]


def test_review_of_access_says_whether_it_is_allowed(api):
    attributes = {"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "scale"}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**attributes, "namespace": api.namespace}},
    }
    answer = api("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    assert answer.status_code == 201
    assert answer.json()["kind"] == "SelfSubjectAccessReview"
    assert answer.json()["spec"] == body["spec"]
    assert answer.json()["status"]["allowed"] is True


def test_open_api_document_of_a_custom_kind_has_its_schema(api):
    document = api("GET", "/openapi/v3/apis/flagger.app/v1beta1").json()
    schema = document["components"]["schemas"]["app.flagger.v1beta1.Canary"]
    gvk = {"group": "flagger.app", "version": "v1beta1", "kind": "Canary"}
    assert schema["x-kubernetes-group-version-kind"] == [gvk]
    assert schema["properties"]["spec"]["properties"]["primary"]["properties"]["host"]["type"] == "string"
