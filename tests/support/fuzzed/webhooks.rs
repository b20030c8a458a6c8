//! The first line of the input is the value of the signature header. The rest is the body of a delivery. The verifier must
//! accept only a signature of this body.

use circleci_api::webhook::{Event, Verifier};

pub fn run(bytes: &[u8]) {
    let (header, body) = super::line(bytes);
    let verifier = Verifier::new("s3cr3t").or("older");
    let own = verifier.sign(body).expect("a secret");
    assert!(verifier.verify(&own, body).is_ok());
    if verifier.verify(header, body).is_ok() {
        let older = Verifier::new("older").sign(body).expect("a secret");
        let header = String::from_utf8_lossy(header).to_ascii_lowercase();
        let signed = |signature: &str| header.contains(&signature["v1=".len()..]);
        assert!(signed(&own) || signed(&older), "{header}");
    }
    match Event::from_slice(body) {
        Ok(event) => {
            drop(format!("{event:?} {:?}", event.type_()));
            let _ = (event.project(), event.pipeline());
            let again = Event::from_slice(event.json().to_string().as_bytes());
            assert_eq!(again.expect("what was read").json(), event.json());
        }
        Err(error) => {
            let line = error.to_string();
            assert!(
                line.len() < 4096 && error.status().is_client_error(),
                "{line}"
            );
        }
    }
}
