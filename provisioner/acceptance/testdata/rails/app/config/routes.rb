Rails.application.routes.draw do
  get "/up", to: "rails/health#show"
  get "/", to: "notes#index"
end
