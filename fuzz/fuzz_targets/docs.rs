#![no_main]

circleci_api_fuzz::target!("docs");
