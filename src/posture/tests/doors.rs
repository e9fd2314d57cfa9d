//! Reports at the door: how much is read of one.

use axum::body::Body;
use axum::extract::Extension;
use axum::response::Response;
use http::Request;
use tower::ServiceExt as _;

use super::super::http::routes;
use super::{House, packed, report};
use crate::kernel::Lifetime;
use crate::testkit::on_each_database;

async fn answered(house: &House, encoding: Option<&str>, body: Vec<u8>) -> Response {
    let (routes, _) = routes(&house.posture).split_for_parts();
    let routes = routes.layer(Extension(house.caller.clone()));
    let mut request = Request::post("/api/v1/devices/self/reports");
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    routes.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn sent(house: &House, encoding: Option<&str>, body: Vec<u8>) -> u16 {
    answered(house, encoding, body).await.status().as_u16()
}

#[tokio::test]
async fn no_more_is_read_of_a_report_than_the_largest_one_has() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        let good = report(house.now(), 10_000);
        assert_eq!(sent(&house, None, vec![b'x'; 10 * 1024 * 1024]).await, 413);
        assert_eq!(sent(&house, Some("gzip"), vec![b'x'; 10 * 1024 * 1024]).await, 413);
        assert_eq!(sent(&house, Some("br"), good.clone()).await, 400);
        assert_eq!(sent(&house, Some("gzip"), good.clone()).await, 400);
        assert_eq!(sent(&house, Some("gzip"), packed(&good)).await, 200);
        assert_eq!(sent(&house, Some("identity"), good).await, 200);
    })
    .await;
}

#[tokio::test]
async fn a_device_whose_clock_is_slow_is_told_so() {
    on_each_database(async |database| {
        let house = House::new(database).await;
        for (minutes, status, told) in
            [(61, 400, "check the device's clock"), (4, 200, "counts from now on")]
        {
            let made = house.now().minus(Lifetime::minutes(minutes));
            let answer = answered(&house, None, report(made, 10_000)).await;
            assert_eq!(answer.status().as_u16(), status, "{minutes}");
            let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
            let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let detail = answer["detail"].as_str().unwrap();
            assert!(detail.contains(told), "{minutes}: {detail}");
        }
    })
    .await;
}
