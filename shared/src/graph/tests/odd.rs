//! One odd object in a list is reported and does not take the others with it.

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::stage::{Stage, first, json, stage};
use crate::directory::{MemberKind, Patch};
use crate::sync::{DeltaLink, TenantSource as _, Trail};

const ADELE: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";
const ALEX: &str = "4782e723-f4f4-4af3-a76e-25e3bab0d896";

async fn listing(value: Value) -> Stage {
    let stage = stage().await;
    stage.once(first("users"), json(json!({ "value": value }))).await;
    stage
}

#[tokio::test]
async fn broken_characters_do_not_make_the_other_objects_unreadable() {
    let half_a_pair =
        format!(r#"{{"value":[{{"id":"{ADELE}","displayName":"\ud83d"}},{{"id":"{ALEX}","displayName":"Alex"}}]}}"#);
    let mut no_text = half_a_pair.replace(r"\ud83d", "?").into_bytes();
    *no_text.iter_mut().find(|byte| **byte == b'?').unwrap() = 0xff;
    for body in [half_a_pair.into_bytes(), no_text] {
        let stage = stage().await;
        stage.once(first("users"), ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;

        let users = stage.users().await.unwrap();

        let names: Vec<_> =
            users.objects.iter().map(|(_, patch)| patch.display_name.value().unwrap().as_str()).collect();
        assert_eq!(names, ["\u{fffd}", "Alex"]);
        assert_eq!(users.odd, [format!("user {ADELE}: displayName has characters that could not be read")]);
        assert_eq!(users.unread, []);
    }
}

#[tokio::test]
async fn a_user_without_name_a_short_id_and_values_of_the_wrong_type_are_told_and_taken() {
    let short = "632f6bb2-3ec8-4c1f-9073-0027a8c6859";
    let stage = listing(json!([
        { "id": ADELE, "displayName": null, "userPrincipalName": null, "mail": null, "accountEnabled": null },
        { "id": short, "displayName": "Short" },
        { "id": ALEX, "displayName": "Alex", "employeeId": 42, "proxyAddresses": "SMTP:alex@contoso.example" },
    ]))
    .await;

    let users = stage.users().await.unwrap();

    assert_eq!((users.objects.len(), users.unread.len()), (3, 0));
    assert_eq!(
        users.odd,
        [
            format!("user {ADELE}: accountEnabled is null and was not taken"),
            format!("user {ADELE}: has no name"),
            format!("user {short}: has an id that is no GUID"),
            format!("user {ALEX}: proxyAddresses has an unexpected type and was not taken"),
            format!("user {ALEX}: employeeId has an unexpected type and was not taken"),
        ]
    );
}

#[tokio::test]
async fn a_name_without_end_is_not_taken() {
    let endless = "x".repeat(1024 * 1024);
    let stage = listing(
        json!([{ "id": ADELE, "displayName": endless, "mail": endless }, { "id": ALEX, "displayName": "Alex" }]),
    );

    let users = stage.await.users().await.unwrap();

    assert_eq!(users.objects[0].1.display_name, Patch::Keep);
    assert_eq!((users.objects.len(), users.unread.len(), users.odd.len()), (2, 0, 3));
    assert!(users.odd.iter().all(|note| note.len() < 120));
}

#[tokio::test]
async fn the_same_user_twice_in_a_list_is_read_as_it_comes() {
    let stage =
        listing(json!([{ "id": ADELE, "displayName": "Adele" }, { "id": ADELE, "displayName": "Adele" }])).await;
    assert_eq!(stage.users().await.unwrap().objects.len(), 2);
}

#[tokio::test]
async fn a_member_of_an_unknown_kind_is_a_member_of_an_unknown_kind() {
    let stage = stage().await;
    let members = json!({ "value": [
        { "@odata.type": "#microsoft.graph.robot", "id": ADELE },
        { "@odata.type": 7, "id": ALEX, "displayName": { "shape": null } },
    ] });
    stage.once(first("groups/g1/members"), json(members)).await;

    let members = stage.members("g1").await.unwrap();

    let kinds: Vec<_> = members.objects.into_iter().map(|member| member.kind).collect();
    assert_eq!(kinds, [MemberKind::Unknown("robot".into()), MemberKind::Unknown("".into())]);
    assert_eq!(members.unread, []);
}

#[tokio::test]
async fn an_odd_change_is_told_and_the_round_goes_on() {
    let stage = stage().await;
    let link = |token: &str| format!("{}/v1.0/users/delta?$deltatoken={token}", stage.server.uri());
    let page = json!({ "@odata.deltaLink": link("next"), "value": [
        { "id": ALEX },
        { "id": ADELE, "jobTitle": ["Boss"], "department": "Sales\u{7}" },
    ] });
    stage.once(first("users/delta"), json(page)).await;

    let trail = Trail::default();
    stage.tenant.user_changes(&DeltaLink::new(link("a")), &trail).await.unwrap();

    let round = trail.take();
    assert_eq!((round.objects.len(), round.unread.len()), (2, 0));
    assert_eq!(
        round.odd,
        [
            format!("user {ADELE}: department has control characters"),
            format!("user {ADELE}: jobTitle has an unexpected type and was not taken"),
        ]
    );
}
